import BodyFields

/// What a scan made of one body, as text that tests compare.
struct Scanned: Equatable, CustomStringConvertible {
    /// Nil for a body that was taken.
    var problem: ScanProblem?
    /// One a field: `string large`, `number 5`, `absent`, with `twice` in front of it for one that is there twice.
    var values: [String]

    var description: String { "\(problem.map(String.init(describing:)) ?? "valid") \(values)" }

    init(_ progress: ScanProgress, _ values: FieldValues) {
        if case .invalid(let problem) = progress { self.problem = problem }
        self.values = (0..<values.count).map { field in
            let bytes = values.copy(field).map { " " + String(decoding: $0, as: UTF8.self) } ?? ""
            return (values.isDuplicate(field) ? "twice " : "") + "\(values.kind(field))" + bytes
        }
    }

    static func json(_ bytes: [UInt8], _ pointers: [String] = [], longest: Int = 64, cuts: [Int] = []) throws -> Scanned {
        var scanner = JSONScanner(JSONFields(try pointers.map(JSONPointer.init), longestValue: longest))
        return scan(bytes, cuts, { scanner.feed($0) }, { scanner.finish() }, { scanner.values })
    }

    static func form(_ text: String, _ names: [String], longest: Int = 64, cuts: [Int] = []) throws -> Scanned {
        var scanner = FormScanner(try FormFields(names, longestValue: longest))
        return scan(Array(text.utf8), cuts, { scanner.feed($0) }, { scanner.finish() }, { scanner.values })
    }

    static func grpc(_ bytes: [UInt8], _ paths: [String], longest: Int = 64, cuts: [Int] = []) throws -> Scanned {
        var scanner = GRPCScanner(try GRPCFields(try paths.map(GRPCFieldPath.init), longestValue: longest))
        return scan(bytes, cuts, { scanner.feed($0) }, { scanner.finish() }, { scanner.values })
    }

    private static func scan(
        _ bytes: [UInt8], _ cuts: [Int], _ feed: (UnsafeRawBufferPointer) -> ScanProgress, _ finish: () -> ScanProgress,
        _ values: () -> FieldValues
    ) -> Scanned {
        var start = 0
        for end in cuts + [bytes.count] {
            _ = bytes[start..<end].withUnsafeBytes(feed)
            start = end
        }
        return Scanned(finish(), values())
    }

    /// The same scan with a cut behind every byte, and with each single cut, must give the same.
    static func everywhere(_ count: Int, _ scan: ([Int]) throws -> Scanned) rethrows -> Set<String> {
        var results: Set<String> = [try scan([]).description]
        guard count > 1 else { return results }
        results.insert(try scan(Array(1..<count)).description)
        for cut in 1..<count { results.insert(try scan([cut]).description) }
        return results
    }
}
