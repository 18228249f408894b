package tickhouse;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.BufferedWriter;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
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

    /**
     * The files of a log from a name on, in the order of their names.
     *
     * Hadoop's listing asks for the size and time of every file; of two days of commits that takes
     * half a minute, while a snapshot needs those since the newest log checkpoint.
     *
     * @throws FileNotFoundException if there is no such folder
     */
    @Override
    public Iterator<FileStatus> listFrom(Path path, Configuration configuration) throws IOException {
        String[] names = local(path.getParent()).toFile().list();
        if (names == null) {
            throw new FileNotFoundException("No such file or directory: " + path.getParent());
        }
        FileSystem files = path.getFileSystem(configuration);
        List<FileStatus> listed = new ArrayList<>();
        for (String name : names) {
            if (name.compareTo(path.getName()) >= 0) {
                try {
                    listed.add(files.getFileStatus(new Path(path.getParent(), name)));
                } catch (FileNotFoundException removed) {
                    continue; // since the names were read
                }
            }
        }
        listed.sort(Comparator.comparing(status -> status.getPath().getName()));
        return listed.iterator();
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
