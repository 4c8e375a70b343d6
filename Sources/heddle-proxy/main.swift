import FilterTool
import Filters
import Supervision

ProxyProgram.run(Array(CommandLine.arguments.dropFirst()), registry: { BuiltInFilters.registry() }, cases: VersionCases.run)
