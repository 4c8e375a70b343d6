/// Which statistics to show: the query of `/stats`.
public struct StatsFilter: Sendable {
    /// What `type=` selects.
    public enum Selection: String, Sendable {
        case all = "All"
        case counters = "Counters"
        case gauges = "Gauges"
        case histograms = "Histograms"
        case texts = "TextReadouts"
    }

    /// Only names that it holds of; nil for all.
    public var admitsName: (@Sendable (String) -> Bool)?
    /// Only what is not zero.
    public var usedOnly: Bool
    public var selection: Selection

    /// Without arguments, everything is shown.
    public init(usedOnly: Bool = false, selection: Selection = .all, admitsName: (@Sendable (String) -> Bool)? = nil) {
        self.usedOnly = usedOnly
        self.selection = selection
        self.admitsName = admitsName
    }

    /// Whether a text readout is shown; one that is there has been used.
    func admitsText(_ name: String) -> Bool {
        (selection == .all || selection == .texts) && admitsName?(name) ?? true
    }

    func admits(_ name: String, _ value: StatsSnapshot.Value) -> Bool {
        if usedOnly, value.isZero { return false }
        switch (selection, value) {
        case (.all, _), (.counters, .counter), (.counters, .codes), (.gauges, .gauge), (.gauges, .sharedGauge),
            (.histograms, .histogram):
            break
        default: return false
        }
        return admitsName?(name) ?? true
    }
}
