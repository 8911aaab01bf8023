extension PostgresConnection {
  /// Forgets what is known of the database's own types (enums, domains, composites, ...), so that
  /// the next statement that returns one asks the server again.
  ///
  /// A type is asked about once for all connections of a pool. That is wrong only after a composite
  /// was given other fields, or the database was replaced by another of its name.
  public func forgetTypes() async {
    await onLoop { core.forgetTypes() }
  }
}
