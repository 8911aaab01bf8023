// Numeric, Timestamp, JSON and their kin are part of what a record is made of: who imports Roost
// has them.
@_exported public import RoostCore
