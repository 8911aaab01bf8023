import Foundation
import Roost
import RoostCore

extension ConformanceSuite {
  /// A row that comes before `highSample` by each of its columns.
  static func lowSample(_ id: Int) throws -> Sample {
    try sample(
      id, false, -32_768, .min, "-99999999.99", "0.0010", "A", "b",
      "0044-03-15 BC", "-infinity", "0001-01-01 00:00:00.000001 BC", #"{"a": 1}"#, "sad")
  }

  /// A row that comes behind `lowSample` by each of its columns.
  static func highSample(_ id: Int) throws -> Sample {
    try sample(
      id, true, 32_767, .max, "99999999.99", "123456789012345678901234567890.5", "a", "é",
      "infinity", "2026-11-20 12:34:56.789012", "294276-12-31 23:59:59.999999",
      #"{"a": 1, "b": [null, "é", 1.50]}"#, "happy")
  }

  private static func sample(
    _ id: Int, _ flag: Bool, _ small: Int, _ large: Int, _ price: String, _ exact: String,
    _ label: String, _ short: String, _ day: String, _ local: String, _ moment: String,
    _ document: String, _ mood: String
  ) throws -> Sample {
    var sample = Sample(id: id)
    sample.flag = flag
    sample.small = small
    sample.medium = small * 65_536
    sample.large = large
    sample.single = small < 0 ? -.infinity : 1.5
    sample.wide = small < 0 ? .leastNonzeroMagnitude : .nan
    sample.price = Numeric(price)
    sample.exact = Numeric(exact)
    sample.label = label
    sample.short = short
    sample.data = Data(small < 0 ? [0, 255] : [1])
    sample.token = UUID(uuidString: "\(small < 0 ? "0" : "F")0000000-0000-4000-8000-000000000000")
    sample.day = CalendarDate(day)
    sample.local = Timestamp(local)
    sample.moment = Timestamp(moment)
    sample.document = try JSON(parsing: document)
    sample.mood = mood
    sample.numbers = small < 0 ? [1, nil] : [2]
    sample.words = small < 0 ? [] : ["x,\"y\"", nil, ""]
    // A text that is no value shows here, not as a NULL that every backend keeps.
    guard sample.price != nil, sample.exact != nil, sample.day != nil, sample.local != nil,
      sample.moment != nil, sample.token != nil
    else { throw ConformanceFailure("a sample's text is no value") }
    return sample
  }
}
