/// Finds a tag in the name of a statistic.
public protocol StatTagRule: Sendable {
    /// The label's name.
    var tag: String { get }
    /// The tag's value in a name, and the bytes of the name that are said by the label from then on; nil when the name has
    /// no such tag.
    func find(in name: String) -> (value: String, removed: Range<Int>)?
}

/// Which parts of a statistic's name become labels of its metric, and which labels all metrics have.
public struct StatTags: Sendable {
    /// Labels that are taken out of names by themselves, as ``known`` has them; nil for all.
    public var defaults: Set<String>?
    /// Labels of every metric.
    public var fixed: [(name: String, value: String)] = []
    /// Labels besides.
    public var rules: [any StatTagRule] = []

    /// Envoy's labels and no others.
    public init() {}

    static let codeLabel = "envoy_response_code"
    static let classLabel = "envoy_response_code_class"

    /// The labels that there are without a configuration.
    public static let known: Set<String> = {
        var labels: Set<String> = [codeLabel, classLabel]
        for kind in StatSchema.kinds {
            for case .label(let label) in StatName.pieces(kind.pattern) where label.first?.isLetter == true { labels.insert(label) }
        }
        return labels
    }()

    func takes(_ label: String) -> Bool { defaults?.contains(label) ?? true }

    /// Whether names become metrics as each kind says by itself.
    var isPlain: Bool { defaults == nil && rules.isEmpty }

    /// A metric's name and labels, where they are not those of its kind.
    func metric(_ key: StatsSnapshot.GroupKey, _ stat: String) -> (name: String, labels: [(name: String, value: String)]) {
        var full = ""
        var keeps: [Bool] = []
        func add(_ text: String, _ kept: Bool) {
            full += text
            keeps += [Bool](repeating: kept, count: text.utf8.count)
        }
        var labels: [(name: String, value: String)] = []
        for part in StatName.parts(pattern: key.pattern, name: key.name) {
            switch part {
            case .text(let text): add(text, true)
            case .list(let encoded):
                labels += StatLabels.decode(encoded)
                add(StatLabels.text(encoded), false)
            case .label(let label, let value):
                if takes(label) { labels.append((label, value)) }
                add(value, !takes(label))
            }
        }
        add(stat, true)
        for rule in rules {
            guard let (value, removed) = rule.find(in: full) else { continue }
            labels.append((rule.tag, value))
            for index in removed.clamped(to: 0..<keeps.count) { keeps[index] = false }
        }
        let kept = zip(full.utf8, keeps).filter(\.1).map(\.0)
        return (StatName.metricName(String(decoding: kept, as: UTF8.self), pattern: key.pattern), labels)
    }
}
