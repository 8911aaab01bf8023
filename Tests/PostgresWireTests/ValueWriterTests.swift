import Testing

@testable import PostgresWire

@Suite("Value writer")
struct ValueWriterTests {
  @Test("what is written is there in order, however often room is made for it")
  func growth() throws {
    var writer = PostgresValueWriter()
    var expected: [UInt8] = []
    for number in 0..<1_000 {
      writer.write(UInt32(number))
      writer.write("text \(number)")
      writer.write(bytes: Array(repeating: UInt8(truncatingIfNeeded: number), count: number))
      for shift in [24, 16, 8, 0] { expected.append(UInt8(truncatingIfNeeded: number >> shift)) }
      expected += Array("text \(number)".utf8)
      expected += Array(repeating: UInt8(truncatingIfNeeded: number), count: number)
    }
    #expect(writer.bytes == expected)
    #expect(writer.byteCount == expected.count)
    #expect(writer.withBytes { Array($0) } == expected)
  }

  @Test("bytes that do not lie one behind the other are written, too, and none are nothing")
  func collections() {
    var writer = PostgresValueWriter()
    writer.write(bytes: [])
    writer.write("")
    #expect(writer.bytes == [])
    writer.write(bytes: [3, 2, 1].lazy.map { UInt8($0) })
    writer.write(bytes: EmptyCollection())
    #expect(writer.bytes == [3, 2, 1])
  }

  @Test("what is taken back is written over, and a copy keeps what it had")
  func takenBack() {
    var writer = PostgresValueWriter()
    writer.write(UInt64.max)
    let copy = writer
    writer.remove(from: 2)
    writer.write(UInt8(7))
    #expect(writer.bytes == [0xff, 0xff, 7])
    #expect(copy.bytes == Array(repeating: 0xff, count: 8))
    writer.writeSized { $0.write(UInt16(1)) }
    #expect(writer.bytes == [0xff, 0xff, 7, 0, 0, 0, 2, 0, 1])
  }

  @Test("a parameter that cannot be written leaves nothing behind")
  func parameters() throws {
    var parameters = PostgresParameters()
    try parameters.append(Int32(1))
    #expect(throws: PostgresEncodingError.self) { try parameters.append("a\0b") }
    try parameters.append("c")
    #expect(parameters.types == [.int4, .unspecified])
    #expect(parameters.encoded.bytes == [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, 99])
    parameters.removeAll()
    #expect(parameters.count == 0)
    #expect(parameters.encoded.bytes == [])
  }
}
