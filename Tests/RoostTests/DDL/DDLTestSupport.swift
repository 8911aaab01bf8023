import Roost
import RoostCore
import Testing

/// Reads a script onto an empty schema, or the schema that another script makes.
func read(_ text: String, after base: String = "") throws -> MigrationScript {
  var schema = Schema()
  if !base.isEmpty {
    schema = try MigrationScript(reading: base, file: "base.sql", onto: schema).schema
  }
  return try MigrationScript(reading: text, file: "V001__test.sql", onto: schema)
}

/// The message of the error that reading gives, without the file's name; nil when there is none.
func failure(_ text: String, after base: String = "") -> String? {
  do {
    _ = try read(text, after: base)
    return nil
  } catch let error as StoreError {
    guard error.code == .invalidMigration else { return "code \(error.code)" }
    let prefix = "V001__test.sql:"
    return error.message.hasPrefix(prefix)
      ? String(error.message.dropFirst(prefix.count)) : "no place: \(error.message)"
  } catch {
    return "\(error)"
  }
}

/// A condition as the reader understands it, checked against a table of every type.
func condition(_ text: String) throws -> Expression {
  let script = try read(
    """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE t (
      id integer PRIMARY KEY, a integer, b bigint, n numeric(10,2), s text, v varchar(5),
      f boolean, g boolean, h boolean, m mood, u uuid, d date, j jsonb, l text[],
      CONSTRAINT c CHECK (\(text)));
    """)
  return try #require(script.schema.tables["t"]?.checks.first).expression
}
