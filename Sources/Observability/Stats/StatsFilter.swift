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

    /// Only names that contain this text.
    public var substring: String
    /// Only names that it holds of, as a regular expression; `nil` holds of all.
    public var matches: (@Sendable (String) -> Bool)?
    /// Only what is not zero.
    public var usedOnly: Bool
    public var selection: Selection

    /// Without arguments, everything is shown.
    public init(
        substring: String = "", usedOnly: Bool = false, selection: Selection = .all, matches: (@Sendable (String) -> Bool)? = nil
    ) {
        self.substring = substring
        self.usedOnly = usedOnly
        self.selection = selection
        self.matches = matches
    }

    /// Whether a text readout is shown; one that is there has been used.
    func admitsText(_ name: String) -> Bool {
        (selection == .all || selection == .texts) && admits(name)
    }

    func admits(_ name: String, _ value: StatsSnapshot.Value) -> Bool {
        if usedOnly, value.isZero { return false }
        switch (selection, value) {
        case (.all, _), (.counters, .counter), (.counters, .codes), (.gauges, .gauge), (.gauges, .sharedGauge),
            (.histograms, .histogram):
            break
        default: return false
        }
        return admits(name)
    }

    private func admits(_ name: String) -> Bool {
        (substring.isEmpty || name.contains(substring)) && matches?(name) ?? true
    }
}
