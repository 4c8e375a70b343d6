public import Bytes

/// The forms of `/stats`.
extension StatsSnapshot {
    /// Quantiles that are shown.
    static let quantiles: [Double] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1]

    /// A line each, sorted by name, text readouts first and distributions last: `cluster.web.upstream_rq_total: 4`.
    public func appendText(to writer: inout ByteWriter, filter: StatsFilter = StatsFilter()) {
        let (numbers, histograms) = entries(filter)
        for (name, value) in shownTexts(filter) {
            writer.appendWithoutControls(name)
            writer.append(": \"")
            writer.appendWithoutControls(value)
            writer.append("\"\n")
        }
        for entry in numbers {
            writer.appendWithoutControls(entry.name)
            writer.append(": ")
            writer.append(decimal: entry.value)
            writer.append(0x0A)
        }
        for entry in histograms {
            writer.appendWithoutControls(entry.name)
            writer.append(": ")
            appendQuantiles(entry, to: &writer)
            writer.append(0x0A)
        }
    }

    /// Envoy's JSON: `{"stats":[{"name":…,"value":…},…,{"histograms":…}]}`.
    public func appendJSON(to writer: inout ByteWriter, filter: StatsFilter = StatsFilter()) {
        let (numbers, histograms) = entries(filter)
        let texts = shownTexts(filter)
        writer.append("{\"stats\":[")
        for (index, text) in texts.enumerated() {
            if index > 0 { writer.append(0x2C) }
            writer.append("{\"name\":")
            MetadataValue.string(text.key).appendJSON(to: &writer)
            writer.append(",\"value\":")
            MetadataValue.string(text.value).appendJSON(to: &writer)
            writer.append(0x7D)
        }
        for (index, entry) in numbers.enumerated() {
            if index > 0 || !texts.isEmpty { writer.append(0x2C) }
            writer.append("{\"name\":")
            MetadataValue.string(entry.name).appendJSON(to: &writer)
            writer.append(",\"value\":")
            writer.append(decimal: entry.value)
            writer.append(0x7D)
        }
        if !histograms.isEmpty {
            if !numbers.isEmpty || !texts.isEmpty { writer.append(0x2C) }
            appendHistogramsJSON(histograms, to: &writer)
        }
        writer.append("]}")
    }

    // MARK: Private parts

    private func shownTexts(_ filter: StatsFilter) -> [(key: String, value: String)] {
        texts.filter { filter.admitsText($0.key) }.sorted { $0.key < $1.key }
    }

    private struct NumberEntry {
        let name: String
        let value: Int64
    }

    private struct HistogramEntry {
        let name: String
        let counts: HistogramCounts
        let scale: Double
    }

    private func entries(_ filter: StatsFilter) -> (numbers: [NumberEntry], histograms: [HistogramEntry]) {
        var numbers: [NumberEntry] = []
        var histograms: [HistogramEntry] = []
        for (key, group) in groups {
            let prefix = StatName.text(pattern: key.pattern, name: key.name)
            for (stat, value) in zip(group.stats, group.values) {
                let name = prefix + stat.name
                switch value {
                case .counter(let number) where filter.admits(name, value):
                    numbers.append(NumberEntry(name: name, value: Int64(clamping: number)))
                case .gauge(let number) where filter.admits(name, value),
                    .sharedGauge(let number) where filter.admits(name, value):
                    numbers.append(NumberEntry(name: name, value: number))
                case .histogram(let counts) where filter.admits(name, value):
                    histograms.append(HistogramEntry(name: name, counts: counts, scale: stat.scale))
                case .codes(let codes):
                    for (code, count) in codes where filter.admits(name + String(code), .counter(count)) {
                        numbers.append(NumberEntry(name: name + String(code), value: Int64(clamping: count)))
                    }
                default: break
                }
            }
        }
        return (numbers.sorted { $0.name < $1.name }, histograms.sorted { $0.name < $1.name })
    }

    private func appendQuantiles(_ entry: HistogramEntry, to writer: inout ByteWriter) {
        guard entry.counts.count > 0 else {
            writer.append("No recorded values")
            return
        }
        for (index, fraction) in StatsSnapshot.quantiles.enumerated() {
            if index > 0 { writer.append(0x20) }
            writer.append("P")
            writer.append(number: fraction * 100)
            writer.append("(nan,")
            writer.append(number: (entry.counts.quantile(fraction) ?? 0) / entry.scale)
            writer.append(")")
        }
    }

    private func appendHistogramsJSON(_ entries: [HistogramEntry], to writer: inout ByteWriter) {
        writer.append("{\"histograms\":{\"supported_quantiles\":[")
        for (index, fraction) in StatsSnapshot.quantiles.enumerated() {
            if index > 0 { writer.append(0x2C) }
            writer.append(number: fraction * 100)
        }
        writer.append("],\"computed_quantiles\":[")
        for (index, entry) in entries.enumerated() {
            if index > 0 { writer.append(0x2C) }
            writer.append("{\"name\":")
            MetadataValue.string(entry.name).appendJSON(to: &writer)
            writer.append(",\"values\":[")
            for (index, fraction) in StatsSnapshot.quantiles.enumerated() {
                if index > 0 { writer.append(0x2C) }
                writer.append("{\"interval\":null,\"cumulative\":")
                if let value = entry.counts.quantile(fraction) {
                    writer.append(number: value / entry.scale)
                } else {
                    writer.append("null")
                }
                writer.append(0x7D)
            }
            writer.append("]}")
        }
        writer.append("]}}")
    }
}

extension StatDefinition {
    /// Recorded units in one shown unit: timings are recorded in microseconds and shown in milliseconds.
    var scale: Double { type == .timing ? 1000 : 1 }
}

extension ByteWriter {
    /// Appends a finite number, whole ones without a fraction, others with four places at most.
    mutating func append(number value: Double) {
        let rounded = (value * 10_000).rounded() / 10_000
        if let whole = Int64(exactly: rounded) {
            append(decimal: whole)
        } else {
            append(rounded.description)
        }
    }

    /// Appends a name with control characters escaped, so that it stays on its line.
    mutating func appendWithoutControls(_ text: String) {
        var copy = text
        copy.withUTF8 { appendWithoutControls(UnsafeRawBufferPointer($0)) }
    }
}
