/// The part of a migration that plain SQL cannot do on embedded backends, such as filling a new
/// column from others.
///
/// A statement behind `-- roost: step` runs on Postgres as it stands; the embedded backends run
/// the step that is registered for the migration's version in its place, once, when the migration
/// is applied. Both must leave the same rows.
public protocol MigrationStep: Sendable {
  /// The version of the migration that it belongs to.
  var version: Int { get }

  /// Changes rows. The session sees the schema as it is at the statement's place.
  /// - Throws: whatever should make the migration fail, of which nothing is left then.
  func run<Session: RowSession>(in session: inout Session) throws(StoreError)
}
