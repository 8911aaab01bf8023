extension PostgresParameters {
  /// Forgets the values, keeps the memory: the next row of a statement that is run many times.
  package mutating func removeAll() {
    storedTypes.removeAll(keepingCapacity: true)
    encoded.remove(from: 0)
  }
}
