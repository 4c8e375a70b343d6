import Filters
import Supervision

ProxyProgram.run(Array(CommandLine.arguments.dropFirst())) { BuiltInFilters.registry() }
