package tickhouse;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import javax.security.sasl.AuthenticationException;
import org.apache.hive.service.auth.PasswdAuthenticationProvider;

/** The log-in of the SQL server: one user, whose password this installation has generated. */
public final class SqlLogin implements PasswdAuthenticationProvider {
    private static volatile byte[] expectedUser;
    private static volatile byte[] expectedPassword;

    /** Accept this user and password alone, from now on; before that nobody is let in. */
    public static void require(String user, String password) {
        expectedUser = bytes(user);
        expectedPassword = bytes(password);
    }

    @Override
    public void Authenticate(String user, String password) throws AuthenticationException {
        boolean known = expectedUser != null && MessageDigest.isEqual(expectedUser, bytes(user));
        if (!known || !MessageDigest.isEqual(expectedPassword, bytes(password))) {
            throw new AuthenticationException("wrong user or password");
        }
    }

    private static byte[] bytes(String text) {
        return (text == null ? "" : text).getBytes(StandardCharsets.UTF_8);
    }
}
