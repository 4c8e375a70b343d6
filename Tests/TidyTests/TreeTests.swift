import Testing

/// The rules, held against the tree as it is.
@Suite("The tree is tidy")
struct TreeTests {
    // Static, because each case of each test makes a suite of its own.
    private static let table = LayerTable(markdown: Repository.text("ARCHITECTURE.md") ?? "")
    private static let sources = Repository.swiftSources(in: "Sources") + Repository.swiftSources(in: "samples")
    private static let tests = Repository.swiftSources(in: "Tests")

    @Test("the layer table has rows and no cycle")
    func tableIsSound() {
        #expect(Self.table.rows.count > 10)
        #expect(!Self.table.anywhere.isEmpty)
        let findings = Self.table.contradictions(path: "ARCHITECTURE.md")
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("the manifest and the layer table agree")
    func manifestAgrees() {
        let manifest = Manifest(text: Repository.text("Package.swift") ?? "")
        #expect(manifest.targets.count > 10)
        let findings = manifest.findings(against: Self.table)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("every folder of Sources is a target of the table")
    func foldersAreTargets() {
        let unknown = Repository.folders(in: "Sources").filter { Self.table.row($0) == nil }
        #expect(unknown.isEmpty, "not in the layer table: \(unknown)")
    }

    @Test("targets import only what the layer table allows")
    func importsFollowTheTable() {
        let findings = Self.sources.flatMap(Self.table.findings)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("no file is too long without a reason")
    func filesAreShort() {
        let findings = (Self.sources + Self.tests).flatMap(FileSize.findings)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("banned calls are not made", arguments: BannedCall.all)
    func callsAreAllowed(ban: BannedCall) throws {
        let findings = try (Self.sources + Self.tests).flatMap(ban.findings)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("what other targets see is documented")
    func declarationsAreDocumented() {
        let findings = Self.sources.flatMap(Documented.findings)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("what the compiler cannot check says why it is safe")
    func uncheckedIsExplained() {
        let findings = (Self.sources + Self.tests).flatMap(SafetyComment.findings)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("no text names a path of one machine or leaves a mark for later")
    func textIsPlain() {
        let paths = Repository.paths(endingIn: PlainText.suffixes)
        #expect(paths.contains("README.md"))
        let findings = paths.filter { !$0.hasSuffix(".pb.swift") }.flatMap { path -> [Finding] in
            guard let text = Repository.text(path) else { return [] }
            return PlainText.machinePaths(path: path, text: text) + PlainText.undone(path: path, text: text)
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("a field that a configuration may have is read, or it is said why not")
    func fieldsAreRead() {
        let rule = UnreadField(
            schema: Repository.text(UnreadField.schemaPath) ?? "", table: Repository.text(UnreadField.tablePath) ?? "")
        #expect(rule.accepted.count > 300)
        #expect(rule.excused.count > 3)
        let findings = rule.findings(in: Self.sources)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("each statistic is written by some code")
    func statisticsAreWritten() {
        let rule = UnwrittenStatistic(Self.sources)
        #expect(rule.items.count > 150)
        let findings = rule.findings(in: Self.sources)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test("every HTTP filter has documentation, a test and a sample")
    func filtersAreComplete() {
        let names = Set(Self.tests.filter { $0.target == "FiltersTests" }.map(\.name))
        let samples = Repository.paths(in: "samples", endingIn: [".yaml", ".yml", ".json"]).compactMap(Repository.text)
        let findings = Self.sources.flatMap { FilterCompanions.findings(in: $0, tests: names, samples: samples) }
        #expect(findings.isEmpty, "\(findings.report)")
    }
}
