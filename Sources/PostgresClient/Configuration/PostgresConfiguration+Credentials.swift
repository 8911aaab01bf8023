extension PostgresConfiguration {
  /// For what a password is asked.
  public struct CredentialRequest: Sendable, Hashable {
    /// The host, one of the configuration's list.
    public let host: Host
    /// The role.
    public let user: String
    /// The database.
    public let database: String
  }

  /// Provides a password; see `credentialProvider`.
  public typealias CredentialProvider = @Sendable (CredentialRequest) async throws -> String
}
