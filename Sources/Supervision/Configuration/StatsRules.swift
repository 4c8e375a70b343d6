import DataPlane
import Observability
import ProxyModel
import SwiftProtobuf
import TrafficPolicy

/// Which statistics there are and which labels their metrics have (`StatsConfig`).
///
/// Workers count all of them all the same; what is not wanted is left out of what the admin interface shows.
struct StatsRules: Sendable {
    private enum Selection: Sendable {
        case all
        case none
        case only([StringMatcher])
        case but([StringMatcher])
    }

    private let selection: Selection
    let tags: StatTags

    init() {
        selection = .all
        tags = StatTags()
    }

    init(_ message: Envoy_Config_Metrics_V3_StatsConfig) throws(ConfigProblem) {
        switch message.statsMatcher.statsMatcher {
        case nil, .rejectAll(false): selection = .all
        case .rejectAll: selection = .none
        case .inclusionList(let list): selection = .only(try Self.matchers(list, "stats_matcher.inclusion_list"))
        case .exclusionList(let list): selection = .but(try Self.matchers(list, "stats_matcher.exclusion_list"))
        }
        var tags = StatTags()
        if message.hasUseAllDefaultTags, !message.useAllDefaultTags.value { tags.defaults = [] }
        for (index, specifier) in message.statsTags.enumerated() {
            do throws(ConfigProblem) {
                try Self.add(specifier, to: &tags)
            } catch {
                throw error.within("stats_tags[\(index)]")
            }
        }
        self.tags = tags
    }

    private static func matchers(
        _ list: Envoy_Type_Matcher_V3_ListStringMatcher, _ path: String
    ) throws(ConfigProblem) -> [StringMatcher] {
        var matchers: [StringMatcher] = []
        for (index, pattern) in list.patterns.enumerated() {
            do throws(PolicyError) {
                matchers.append(try RouteMatching.stringMatcher(pattern))
            } catch {
                throw ConfigProblem("\(error)", path: "\(path).patterns[\(index)]")
            }
        }
        return matchers
    }

    private static func add(_ specifier: Envoy_Config_Metrics_V3_TagSpecifier, to tags: inout StatTags) throws(ConfigProblem) {
        switch specifier.tagValue {
        case .fixedValue(let value): tags.fixed.append((specifier.tagName, value))
        case .regex(let pattern) where !pattern.isEmpty:
            let program: RegexProgram
            do throws(PolicyError) {
                program = try RegexProgram(pattern)
            } catch {
                throw ConfigProblem("\(error)", path: "regex")
            }
            guard program.groupCount > 0 else {
                throw ConfigProblem("expected a group that tells what to take out of the name", path: "regex")
            }
            tags.rules.append(RegexTag(tag: specifier.tagName, program: program))
        case .regex, nil:
            let label = String(specifier.tagName.map { $0 == "." ? "_" : $0 })
            guard StatTags.known.contains(label) else {
                throw ConfigProblem("\"\(specifier.tagName)\" is no default tag; give it a regex or a fixed_value", path: "tag_name")
            }
            tags.defaults?.insert(label)
        }
    }

    /// The statistics that are wanted.
    func select(_ snapshot: StatsSnapshot) -> StatsSnapshot {
        switch selection {
        case .all: snapshot
        case .none: StatsSnapshot()
        case .only(let matchers): snapshot.keeping { Self.matches($0, matchers) }
        case .but(let matchers): snapshot.keeping { !Self.matches($0, matchers) }
        }
    }

    private static func matches(_ name: String, _ matchers: [StringMatcher]) -> Bool {
        var name = name
        return name.withUTF8 { bytes in matchers.contains { $0.matches(UnsafeRawBufferPointer(bytes)) } }
    }
}

/// A tag by a regular expression: its first group is taken out of the name, the second, or else the first, is the value.
private struct RegexTag: StatTagRule {
    let tag: String
    let program: RegexProgram

    func find(in name: String) -> (value: String, removed: Range<Int>)? {
        let groups = program.firstGroups(in: name)
        guard let first = groups.first, let removed = first else { return nil }
        let value = (groups.count > 1 ? groups[1] : nil) ?? removed
        return (String(decoding: Array(name.utf8)[value], as: UTF8.self), removed)
    }
}
