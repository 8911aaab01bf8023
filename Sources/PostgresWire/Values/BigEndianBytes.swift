// Where messages and values are written, an integer at a time.

extension [UInt8] {
  /// Appends an integer, big-endian. Written into the room behind the last byte: appending its
  /// bytes as a collection takes twice the instructions, and a row of a COPY has seven.
  @inlinable
  @inline(__always)
  package mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
    append(addingCapacity: MemoryLayout<T>.size) { room in
      room.withUnsafeMutableBufferPointer { bytes, count in
        UnsafeMutableRawBufferPointer(bytes).storeBytes(
          of: value.bigEndian, toByteOffset: count, as: T.self)
        count += MemoryLayout<T>.size
      }
    }
  }

  /// Replaces the bytes from an offset on, which are there, by an integer, big-endian.
  @inlinable
  @inline(__always)
  package mutating func replace<T: FixedWidthInteger>(from offset: Int, bigEndian value: T) {
    withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
    }
  }
}
