import io.delta.storage.LogStore;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Writes versions 0 to COUNT - 1 of a log, each at its own moment, and prints those it has won.
 *
 * It prints `ready` first, and reads the first moment (ms since 1970) from its input.
  */
public class RacingWriter {
    public static void main(String[] arguments) throws Exception {
        String store = arguments[0];
        String log = arguments[1];
        String name = arguments[2];
        int count = Integer.parseInt(arguments[3]);
        long slotMs = Long.parseLong(arguments[4]);
        Configuration configuration = new Configuration();
        for (int index = 5; index < arguments.length; index++) {
            String[] option = arguments[index].split("=", 2);
            configuration.set(option[0], option[1]);
        }
        LogStore writer = (LogStore) Class.forName(store)
            .getConstructor(Configuration.class).newInstance(configuration);
        new Path(log).getFileSystem(configuration).exists(new Path(log));
        System.out.println("ready");
        long startMs = Long.parseLong(new BufferedReader(new InputStreamReader(System.in)).readLine());
        StringBuilder won = new StringBuilder("won");
        for (int version = 0; version < count; version++) {
            long wait = startMs + version * slotMs - System.currentTimeMillis();
            if (wait > 0) {
                Thread.sleep(wait);
            }
            Path path = new Path(String.format("%s/%020d.json", log, version));
            Iterator<String> lines = List.of(name + " " + version).iterator();
            try {
                writer.write(path, lines, false, configuration);
                won.append(' ').append(version);
            } catch (FileAlreadyExistsException lost) {
                // the other has this version
            }
        }
        System.out.println(won);
    }
}
