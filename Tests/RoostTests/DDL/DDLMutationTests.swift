import Roost
import RoostCore
import Testing

/// Scripts that are cut, shuffled and spoilt at random are read or refused with a place; nothing
/// in them can trap the process.
@Suite struct DDLMutationTests {
  private static let corpus = """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE p (id serial PRIMARY KEY, code varchar(10) COLLATE "C" NOT NULL UNIQUE,
      n numeric(5,2) DEFAULT -1.5 CHECK (n BETWEEN 0 AND 1 OR n IS NULL), m mood DEFAULT 'ok');
    CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a int REFERENCES p ON DELETE
      CASCADE, b text, c timestamptz DEFAULT now(), d jsonb DEFAULT '{}'::jsonb, e text[] DEFAULT
      '{a,"b"}', UNIQUE (a, b), CONSTRAINT x CHECK (lower(trim(both 'x' from b)) LIKE 'a!%' ESCAPE
      '!' AND NOT a = ANY (ARRAY[1, 2]) AND a + 1 * -2 <> 3), FOREIGN KEY (a) REFERENCES p (id));
    CREATE UNIQUE INDEX i ON t USING btree (lower(b) DESC NULLS LAST, (a + 1)) WHERE a > 0;
    CREATE INDEX ON t (b, c); -- a comment
    ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine' BEFORE 'ok';
    ALTER TABLE t ADD COLUMN f bigint NOT NULL DEFAULT 0, ALTER a TYPE bigint, DROP CONSTRAINT x;
    ALTER TABLE t RENAME COLUMN b TO bb; ALTER TABLE p RENAME TO q;
    CREATE TRIGGER g AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION h();
    INSERT INTO q (code, n) VALUES ('x', 0.5), ('y', NULL) ON CONFLICT DO NOTHING;
    /* done */ DROP INDEX i; ALTER TABLE t DROP COLUMN d; DROP TABLE IF EXISTS t, q CASCADE;
    """

  @Test(arguments: 0..<8 as Range<UInt64>)
  func neverTraps(seed: UInt64) throws {
    _ = try read(Self.corpus)
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func pick(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % max(count, 1)
    }
    let pieces = Self.pieces(Self.corpus)
    for _ in 0..<400 {
      var spoilt = pieces
      for _ in 0...pick(3) {
        let place = pick(spoilt.count)
        switch pick(5) {
        case 0: spoilt.remove(at: place)
        case 1: spoilt.insert(pieces[pick(pieces.count)], at: place)
        case 2: spoilt.swapAt(place, pick(spoilt.count))
        case 3: spoilt[place] = pieces[pick(pieces.count)]
        default: spoilt.removeLast(pick(spoilt.count))
        }
        if spoilt.isEmpty { spoilt = pieces }
      }
      let text = spoilt.joined()
      if let message = failure(text) {
        #expect(message.first?.isNumber == true, "\(message) for \(text)")
      }
    }
  }

  @Test func everyPrefixIsReadOrRefused() {
    let scalars = Array(Self.corpus.unicodeScalars)
    for count in stride(from: 0, to: scalars.count, by: 3) {
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars[..<count])
      if let message = failure(String(text)) { #expect(message.first?.isNumber == true) }
    }
  }

  /// Words, spaces and single marks.
  private static func pieces(_ text: String) -> [String] {
    var result: [String] = []
    var isWord = false
    for character in text {
      let belongs = character.isLetter || character.isNumber || character == "_"
      if belongs && isWord, let last = result.popLast() {
        result.append(last + String(character))
      } else {
        result.append(String(character))
      }
      isWord = belongs
    }
    return result
  }
}
