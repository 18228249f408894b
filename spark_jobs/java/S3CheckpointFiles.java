package tickhouse;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager.CancellableFSDataOutputStream;
import org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager;

/**
 * Spark's checkpoint files in an object store: put under their name, never renamed.
 *
 * Spark writes a file beside its name and renames it, which an object store does by copying. What
 * it must not overwrite, the log of offsets and commits, is put conditionally, so that a second
 * stream on the same checkpoint is found out. Files elsewhere are written as Spark does.
 */
public class S3CheckpointFiles extends FileSystemBasedCheckpointFileManager {
    private static final String SCHEME = "s3a";

    public S3CheckpointFiles(Path path, Configuration configuration) {
        super(path, configuration);
    }

    @Override
    public CancellableFSDataOutputStream createAtomic(Path path, boolean overwrite) {
        if (!SCHEME.equals(fs().getScheme())) {
            return super.createAtomic(path, overwrite);
        }
        if (!overwrite) {
            return new NewFile(fs(), path, new ByteArrayOutputStream());
        }
        try {
            return new ReplacedFile(ConditionalPut.replace(fs(), path));
        } catch (IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }

    /** A file that is put when it is closed, if its name is free. */
    private static final class NewFile extends CancellableFSDataOutputStream {
        private final FileSystem store;
        private final Path path;
        private final ByteArrayOutputStream content;
        private boolean ended;

        NewFile(FileSystem store, Path path, ByteArrayOutputStream content) {
            super(content);
            this.store = store;
            this.path = path;
            this.content = content;
        }

        @Override
        public void close() throws IOException {
            if (ended) {
                return;
            }
            ended = true;
            super.close();
            if (!ConditionalPut.create(store, path, content.toByteArray())) {
                throw new FileAlreadyExistsException(path.toString());
            }
        }

        @Override
        public void cancel() {
            ended = true;
        }
    }

    /** A file that is put when it is closed, in place of another. */
    private static final class ReplacedFile extends CancellableFSDataOutputStream {
        private final FSDataOutputStream stream;
        private boolean ended;

        ReplacedFile(FSDataOutputStream stream) {
            super(stream);
            this.stream = stream;
        }

        @Override
        public void close() throws IOException {
            if (!ended) {
                ended = true;
                super.close();
            }
        }

        @Override
        public void cancel() {
            if (!ended) {
                ended = true;
                stream.abort();
            }
        }
    }
}
