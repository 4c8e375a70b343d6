import FilterTool
import Filters
import Supervision

// `heddle-proxy` with one more filter, which crashes and hangs when a request asks for it: for tests of what the proxy
// does then. It is never installed.
ProxyProgram.run(Array(CommandLine.arguments.dropFirst()), registry: { BuiltInFilters.registry(and: [FaultyType()]) }, cases: VersionCases.run)
