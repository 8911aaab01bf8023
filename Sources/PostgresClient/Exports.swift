// Rows, values and types are PostgresWire's; Numeric, Timestamp, JSON and SQLSTATE are RoostCore's:
// who imports the driver has them.
@_exported public import PostgresWire
@_exported public import RoostCore
