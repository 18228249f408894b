package tickhouse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * Hadoop's local file system, durable, and without a process for each file that it makes.
 *
 * Without its native library, which PySpark does not bring, Hadoop sets a file's permissions by
 * starting `chmod`. It also writes a checksum file beside each file, and renames the two one after
 * the other: a kill in between leaves a sound file that cannot be read. Here there are none.
 * A file is forced to the disk when it is closed, a name when it is given, so that Spark's
 * checkpoints and Delta's files survive a power cut in the order in which they were written.
 */
public class NioLocalFileSystem extends LocalFileSystem {
    public NioLocalFileSystem() {
        super(new Raw());
        setWriteChecksum(false);
        setVerifyChecksum(false);
    }

    private static class Raw extends RawLocalFileSystem {
        @Override
        public void setPermission(Path path, FsPermission permission) throws IOException {
            if (permission.getStickyBit()) {
                super.setPermission(path, permission); // Java has no word for it
                return;
            }
            String symbols = permission.getUserAction().SYMBOL
                + permission.getGroupAction().SYMBOL
                + permission.getOtherAction().SYMBOL;
            Files.setPosixFilePermissions(
                pathToFile(path).toPath(), PosixFilePermissions.fromString(symbols));
        }

        @Override
        public FSDataOutputStream create(Path path, boolean overwrite, int bufferSize,
                short replication, long blockSize, Progressable progress) throws IOException {
            return durable(
                path, super.create(path, overwrite, bufferSize, replication, blockSize, progress));
        }

        @Override
        public FSDataOutputStream createNonRecursive(Path path, FsPermission permission,
                boolean overwrite, int bufferSize, short replication, long blockSize,
                Progressable progress) throws IOException {
            return durable(path, super.createNonRecursive(
                path, permission, overwrite, bufferSize, replication, blockSize, progress));
        }

        @Override
        public boolean rename(Path source, Path target) throws IOException {
            boolean renamed = super.rename(source, target);
            if (renamed) {
                Disk.force(pathToFile(target).toPath().toAbsolutePath().getParent());
            }
            return renamed;
        }

        @Override
        public boolean mkdirs(Path path) throws IOException {
            java.nio.file.Path folder = pathToFile(path).toPath().toAbsolutePath();
            boolean isNew = !Files.isDirectory(folder);
            boolean made = super.mkdirs(path);
            if (isNew && made) {
                Disk.force(folder.getParent());
            }
            return made;
        }

        private FSDataOutputStream durable(Path path, FSDataOutputStream stream) throws IOException {
            return new FSDataOutputStream(stream, null) {
                private boolean closed;

                @Override
                public void close() throws IOException {
                    if (closed) {
                        return;
                    }
                    closed = true;
                    stream.hsync();
                    super.close();
                    Disk.force(pathToFile(path).toPath().toAbsolutePath().getParent());
                }
            };
        }
    }
}
