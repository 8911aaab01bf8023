import PostgresClient
import Testing

@Suite("Command tags")
struct CommandTagTests {
  @Test(
    "the number of rows is what is behind the last space, when that is a number",
    arguments: [
      ("INSERT 0 5", 5), ("COPY 1000000", 1_000_000), ("SELECT 0", 0), ("CREATE TABLE", nil),
      ("COMMIT", nil), ("", nil), ("12", nil), ("SELECT ", nil), ("SELECT 5 ", nil),
      ("SELECT 5x", nil), ("SELECT x5", nil), ("COPY 9223372036854775807", Int.max),
      ("COPY 9223372036854775808", nil), ("COPY 99999999999999999999999", nil),
    ] as [(String, Int?)])
  func rowCount(_ text: String, _ count: Int?) {
    #expect(PostgresCommandTag(text).rowCount == count)
  }
}
