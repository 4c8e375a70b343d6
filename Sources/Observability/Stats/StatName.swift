/// Makes full names and labels out of a kind's pattern and a group's name.
enum StatName {
    /// A piece of a pattern: text, or the label whose value comes from the name.
    enum Piece {
        case text(String)
        case label(String)
    }

    static func pieces(_ pattern: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = pattern[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
            pieces.append(.label(String(rest[rest.index(after: open)..<close])))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        return pieces
    }

    /// A piece of a group's own prefix.
    enum Part {
        /// Text of the pattern, or a part of the name that the metric's name has.
        case text(String)
        case label(String, value: String)
        /// Labels with their values, encoded.
        case list(String)
    }

    /// The pieces of a group's prefix, in order; together they are its text.
    static func parts(pattern: String, name: String) -> [Part] {
        var values = GroupName.split(name)[...]
        var result: [Part] = []
        var dropsDot = false
        for piece in pieces(pattern) {
            switch piece {
            case .text(let text):
                result.append(.text(dropsDot && text.hasPrefix(".") ? String(text.dropFirst()) : text))
                dropsDot = false
            case .label(let label):
                let value = values.popFirst() ?? ""
                dropsDot = value.isEmpty
                guard !value.isEmpty else { continue }
                if label == labelList {
                    result.append(.list(value))
                } else {
                    result.append(label.hasPrefix(namePart) ? .text(value) : .label(label, value: value))
                }
            }
        }
        return result
    }

    /// Envoy's prefix of a group's statistics, for instance `cluster.web.`
    static func text(pattern: String, name: String) -> String {
        var parts = GroupName.split(name)[...]
        var result = ""
        var dropsDot = false
        for piece in pieces(pattern) {
            switch piece {
            case .text(let text):
                result += dropsDot && text.hasPrefix(".") ? String(text.dropFirst()) : text
                dropsDot = false
            case .label(let label):
                let value = parts.popFirst() ?? ""
                result += label == labelList ? StatLabels.text(value) : value
                dropsDot = value.isEmpty
            }
        }
        return result
    }

    /// The labels that a group's metrics have; empty parts have none.
    static func labels(pattern: String, name: String) -> [(name: String, value: String)] {
        var parts = GroupName.split(name)[...]
        var result: [(name: String, value: String)] = []
        for case .label(let label) in pieces(pattern) {
            guard let value = parts.popFirst(), !value.isEmpty else { continue }
            if label == labelList {
                result += StatLabels.decode(value)
            } else if !label.hasPrefix(namePart) {
                result.append((label, value))
            }
        }
        return result
    }

    /// What a label's name begins with that is a part of the metric's name.
    private static let namePart = "+"
    /// The label that stands for a list of them.
    private static let labelList = "*"

    /// What metric names of a group begin with: `envoy_cluster_`. A metric whose whole name is the author's has it plain.
    static func metricPrefix(_ pattern: String, name: String) -> String {
        var parts = GroupName.split(name)[...]
        var result = pattern.hasPrefix("{+") ? "" : "envoy_"
        for piece in pieces(pattern) {
            switch piece {
            case .text(let text): result += metric(text)
            case .label(let label):
                let value = parts.popFirst() ?? ""
                if label.hasPrefix(namePart) { result += metric(value) }
            }
        }
        while result.contains("__") { result.replace("__", with: "_") }
        return result
    }

    /// The metric of a name from which labels have been taken out.
    static func metricName(_ rest: String, pattern: String) -> String {
        var result = (pattern.hasPrefix("{+") ? "" : "envoy_") + metric(rest)
        while result.contains("__") { result.replace("__", with: "_") }
        return result
    }

    /// What a metric name may hold of `text`; the rest becomes an underscore.
    static func metric(_ text: String) -> String {
        String(decoding: text.utf8.map { isMetricByte($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }

    private static func isMetricByte(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A) || byte == 0x5F
    }
}
