package tickhouse;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * An object that is put only if its name is free, which the store itself decides.
 *
 * A put with `If-None-Match: *` fails if the name is taken. An answer that is lost makes the client
 * put again, and its own object then refuses it. So after any failure the object is read: whose it
 * is follows from its content, which no other writer's equals.
 */
final class ConditionalPut {
    private static final String IF_ABSENT = "fs.option.create.conditional.overwrite";
    private static final int TRIES = 4;
    private static final long PAUSE_MS = 200;

    private ConditionalPut() {
    }

    /** Puts an object; gives whether it is there with this content, false if with another. */
    static boolean create(FileSystem store, Path path, byte[] content) throws IOException {
        for (int failures = 0; ; ) {
            try (FSDataOutputStream stream = open(store, path, true)) {
                stream.write(content);
            } catch (IOException error) {
                byte[] stored = read(store, path);
                if (stored != null) {
                    return Arrays.equals(stored, content);
                }
                if (++failures == TRIES) {
                    throw error;
                }
                pause(failures, error);
                continue;
            }
            return true;
        }
    }

    /** A stream whose object appears, new or in place of another, when it is closed. */
    static FSDataOutputStream replace(FileSystem store, Path path) throws IOException {
        return open(store, path, false);
    }

    private static FSDataOutputStream open(FileSystem store, Path path, boolean ifAbsent)
            throws IOException {
        FSDataOutputStreamBuilder<?, ?> builder = store.createFile(path).overwrite(true).recursive();
        if (ifAbsent) {
            builder.must(IF_ABSENT, true);
        }
        return (FSDataOutputStream) builder.build();
    }

    /** The object's content; null if there is none. */
    private static byte[] read(FileSystem store, Path path) throws IOException {
        try (InputStream stream = store.open(path)) {
            return stream.readAllBytes();
        } catch (FileNotFoundException absent) {
            return null;
        }
    }

    private static void pause(int failures, IOException error) throws IOException {
        try {
            Thread.sleep(PAUSE_MS << failures);
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw error;
        }
    }
}
