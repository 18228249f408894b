package tickhouse;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.BufferedWriter;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Delta's log on a local disk, where two processes cannot both commit the same version.
 *
 * Delta's own stores look whether the version is there and then rename onto it, which on a local
 * disk replaces what another process has put there since. A hard link fails if its name is taken:
 * one call that both looks and puts. delta-rs commits the same way. The commit and its name are
 * forced to the disk before the write returns, so that what is committed survives a power cut.
 */
public class AtomicLocalLogStore extends HadoopFileSystemLogStore {
    public AtomicLocalLogStore(Configuration configuration) {
        super(configuration);
    }

    /**
     * Writes lines to a new file of the log.
     *
     * @throws java.nio.file.FileAlreadyExistsException unless `overwrite`, if the file is there
     */
    @Override
    public void write(Path path, Iterator<String> lines, Boolean overwrite, Configuration configuration)
            throws IOException {
        java.nio.file.Path target = local(path);
        java.nio.file.Path draft = local(createTempPath(path));
        if (!Files.isDirectory(target.getParent())) {
            throw new FileNotFoundException("No such file or directory: " + target.getParent());
        }
        try {
            try (BufferedWriter writer = Files.newBufferedWriter(draft)) {
                while (lines.hasNext()) {
                    writer.write(lines.next());
                    writer.write('\n');
                }
            }
            Disk.force(draft);
            if (overwrite) {
                Files.deleteIfExists(target.resolveSibling("." + target.getFileName() + ".crc")); // Hadoop's
                Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
            } else {
                Files.createLink(target, draft);
            }
            Disk.force(target.getParent());
        } finally {
            Files.deleteIfExists(draft);
        }
    }

    /** Delta writes its checkpoints past this store; on a local disk a half of one can be seen. */
    @Override
    public Boolean isPartialWriteVisible(Path path, Configuration configuration) {
        return true;
    }

    private static java.nio.file.Path local(Path path) {
        return Paths.get(path.toUri().getPath());
    }
}
