public import Bytes

/// The Prometheus text format (version 0.0.4) with Envoy's names: what differs between groups is a label, and so are the
/// status and its class.
extension StatsSnapshot {
    /// Upper bounds of Envoy's histogram buckets, in shown units (milliseconds for timings).
    static let bounds: [Double] = [
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
        3_600_000,
    ]

    /// Appends all metrics, each with its help and type once.
    public func appendPrometheus(to writer: inout ByteWriter, filter: StatsFilter = StatsFilter(), tags: StatTags = StatTags()) {
        var families: [String: Family] = [:]
        let fixed = PrometheusText.labels(tags.fixed)
        for (key, group) in groups {
            let prefix = StatName.text(pattern: key.pattern, name: key.name)
            let labels = PrometheusText.joined(PrometheusText.labels(StatName.labels(pattern: key.pattern, name: key.name)), fixed)
            let metricPrefix = StatName.metricPrefix(key.pattern, name: key.name)
            for (stat, value) in zip(group.stats, group.values) where filter.admits(prefix + stat.name, value) {
                let help = key.pattern + stat.name
                if tags.isPlain {
                    Family.add(stat, value, metricPrefix + StatName.metric(stat.name), help: help, labels: labels, tags, to: &families)
                } else {
                    let (name, found) = tags.metric(key, stat.name)
                    let labels = PrometheusText.joined(PrometheusText.labels(found), fixed)
                    Family.add(stat, value, name, help: help, labels: labels, tags, to: &families)
                }
            }
        }
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            PrometheusText.appendHead(name, family, to: &writer)
            for sample in family.samples.sorted(by: { $0.labels < $1.labels }) {
                PrometheusText.append(name, sample, scale: family.scale, to: &writer)
            }
        }
    }

    /// All series of one metric name.
    struct Family {
        struct Sample {
            /// As they stand between the braces.
            let labels: String
            let value: Value
        }

        let type: StaticString
        let help: String
        let scale: Double
        var samples: [Sample] = []

        static func add(
            _ stat: StatDefinition, _ value: Value, _ metric: String, help: String, labels: String, _ tags: StatTags,
            to families: inout [String: Family]
        ) {
            var name = metric
            var samples = [Sample(labels: labels, value: value)]
            if case .codes(let codes) = value {
                guard tags.takes(StatTags.codeLabel) else {
                    for (code, count) in codes {
                        let plain = StatDefinition(name: stat.name + String(code), type: .counter)
                        add(plain, .counter(count), metric + String(code), help: help + String(code), labels: labels, tags, to: &families)
                    }
                    return
                }
                if name.hasSuffix("_") { name.removeLast() }
                samples = codes.map { code, count in
                    Sample(labels: PrometheusText.joined("\(StatTags.codeLabel)=\"\(code)\"", labels), value: .counter(count))
                }
                guard !samples.isEmpty else { return }
            } else if tags.takes(StatTags.classLabel), let digit = statusClass(stat.name), name.hasSuffix("\(digit)xx") {
                name = String(name.dropLast(3)) + "xx"
                samples = [Sample(labels: PrometheusText.joined("\(StatTags.classLabel)=\"\(digit)\"", labels), value: value)]
            }
            let type: StaticString =
                switch value {
                case .counter, .codes: "counter"
                case .gauge, .sharedGauge: "gauge"
                case .histogram: "histogram"
                }
            families[name, default: Family(type: type, help: help, scale: stat.scale)].samples += samples
        }

        /// `2` of `downstream_rq_2xx`.
        private static func statusClass(_ name: String) -> Character? {
            guard name.hasSuffix("xx"), let digit = name.dropLast(2).last, digit >= "1", digit <= "5",
                name.dropLast(3).hasSuffix("_")
            else { return nil }
            return digit
        }
    }
}

/// Writes lines of the format.
enum PrometheusText {
    static func labels(_ labels: [(name: String, value: String)]) -> String {
        labels.map { "\(StatName.metric($0.name))=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    static func joined(_ first: String, _ rest: String) -> String {
        first.isEmpty || rest.isEmpty ? first + rest : first + "," + rest
    }

    static func appendHead(_ name: String, _ family: StatsSnapshot.Family, to writer: inout ByteWriter) {
        writer.append("# HELP ")
        writer.append(name)
        writer.append(" Envoy statistic ")
        writer.append(escaped(family.help))
        writer.append("\n# TYPE ")
        writer.append(name)
        writer.append(0x20)
        writer.append(family.type)
        writer.append(0x0A)
    }

    static func append(_ name: String, _ sample: StatsSnapshot.Family.Sample, scale: Double, to writer: inout ByteWriter) {
        switch sample.value {
        case .counter(let value):
            begin(name, "", sample.labels, to: &writer)
            writer.append(decimal: value)
        case .gauge(let value), .sharedGauge(let value):
            begin(name, "", sample.labels, to: &writer)
            writer.append(decimal: Int(value))
        case .codes: return
        case .histogram(let counts):
            append(name, sample.labels, counts, scale: scale, to: &writer)
            return
        }
        writer.append(0x0A)
    }

    private static func append(
        _ name: String, _ labels: String, _ counts: HistogramCounts, scale: Double, to writer: inout ByteWriter
    ) {
        for bound in StatsSnapshot.bounds {
            begin(name, "_bucket", labels, bound: bound, to: &writer)
            writer.append(decimal: counts.count(atMost: UInt64(bound * scale)))
            writer.append(0x0A)
        }
        let total = counts.count
        begin(name, "_bucket", labels, bound: .infinity, to: &writer)
        writer.append(decimal: total)
        writer.append(0x0A)
        begin(name, "_sum", labels, to: &writer)
        writer.append(number: Double(counts.sum) / scale)
        writer.append(0x0A)
        begin(name, "_count", labels, to: &writer)
        writer.append(decimal: total)
        writer.append(0x0A)
    }

    /// Writes a line up to its value.
    private static func begin(
        _ name: String, _ suffix: StaticString, _ labels: String, bound: Double? = nil, to writer: inout ByteWriter
    ) {
        writer.append(name)
        writer.append(suffix)
        if !labels.isEmpty || bound != nil { writer.append(0x7B) }
        writer.append(labels)
        if let bound {
            writer.append(labels.isEmpty ? "le=\"" : ",le=\"")
            if bound == .infinity { writer.append("+Inf") } else { writer.append(number: bound) }
            writer.append(0x22)
        }
        if !labels.isEmpty || bound != nil { writer.append(0x7D) }
        writer.append(0x20)
    }

    /// Label values escape backslash, quote and newline; what is left of control characters is replaced.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case let control where control.value < 0x20 || control.value == 0x7F: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
