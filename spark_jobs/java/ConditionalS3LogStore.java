package tickhouse;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Delta's log in an object store, where two processes cannot both commit the same version.
 *
 * Delta's own store looks whether the version is there and then puts it: two drivers that look at
 * the same time both win, and the rows of one are lost. Here the put is conditional; delta-rs
 * commits the same way. Each commit has an identifier of its own, so no two are equal. An object is
 * whole and durable once its put returns.
 */
public class ConditionalS3LogStore extends HadoopFileSystemLogStore {
    public ConditionalS3LogStore(Configuration configuration) {
        super(configuration);
    }

    /**
     * Writes lines to a new file of the log.
     *
     * @throws FileAlreadyExistsException unless `overwrite`, if another writer's file is there
     */
    @Override
    public void write(Path path, Iterator<String> lines, Boolean overwrite, Configuration configuration)
            throws IOException {
        FileSystem store = path.getFileSystem(configuration);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        while (lines.hasNext()) {
            content.write(lines.next().getBytes(StandardCharsets.UTF_8));
            content.write('\n');
        }
        if (overwrite) {
            try (FSDataOutputStream stream = ConditionalPut.replace(store, path)) {
                content.writeTo(stream);
            }
        } else if (!ConditionalPut.create(store, path, content.toByteArray())) {
            throw new FileAlreadyExistsException(path.toString());
        }
    }

    /** An object appears when its put has ended. */
    @Override
    public Boolean isPartialWriteVisible(Path path, Configuration configuration) {
        return false;
    }
}
