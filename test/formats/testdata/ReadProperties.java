import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.util.Properties;

/** Reads files of properties from standard input, each after its length, and prints them as JSON. Texts are in hexadecimal digits. */
public class ReadProperties {
  public static void main(String[] args) throws Exception {
    DataInputStream in = new DataInputStream(System.in);
    StringBuilder out = new StringBuilder("[");
    for (String separator = ""; ; separator = ",") {
      int length;
      try {
        length = in.readInt();
      } catch (EOFException end) {
        break;
      }
      byte[] file = new byte[length];
      in.readFully(file);
      out.append(separator).append(read(file));
    }
    System.out.print(out.append("]"));
  }

  static String read(byte[] file) throws Exception {
    Properties properties = new Properties();
    try {
      properties.load(new ByteArrayInputStream(file));
    } catch (RuntimeException e) {
      return "{\"Error\":\"" + e.getClass().getName() + "\"}";
    }
    StringBuilder out = new StringBuilder("{\"Value\":{");
    String separator = "";
    for (String key : properties.stringPropertyNames()) {
      out.append(separator).append('"').append(digits(key)).append("\":\"").append(digits(properties.getProperty(key))).append('"');
      separator = ",";
    }
    return out.append("}}").toString();
  }

  static String digits(String text) {
    StringBuilder out = new StringBuilder();
    for (char unit : text.toCharArray()) {
      out.append(String.format("%04x", (int) unit));
    }
    return out.toString();
  }
}
