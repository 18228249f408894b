package tickhouse;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.Syncable;
import org.apache.hadoop.fs.permission.FsPermission;

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

        /** Every way to create a file or to append to one ends here. */
        @Override
        protected OutputStream createOutputStreamWithMode(
                Path path, boolean append, FsPermission permission) throws IOException {
            return new DurableOutputStream(
                super.createOutputStreamWithMode(path, append, permission),
                pathToFile(path).toPath().toAbsolutePath());
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
    }

    /** A file that is on the disk once it is closed. */
    private static class DurableOutputStream extends FilterOutputStream implements Syncable {
        private final java.nio.file.Path file;
        private boolean closed;

        DurableOutputStream(OutputStream stream, java.nio.file.Path file) {
            super(stream);
            this.file = file;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length); // the inherited one writes byte by byte
        }

        @Override
        public void hflush() throws IOException {
            flush();
        }

        @Override
        public void hsync() throws IOException {
            flush();
            Disk.force(file);
        }

        @Override
        public void close() throws IOException {
            if (closed) {
                return;
            }
            closed = true;
            super.close();
            if (Files.exists(file)) { // else it was deleted while it was written
                Disk.force(file);
                Disk.force(file.getParent());
            }
        }
    }
}
