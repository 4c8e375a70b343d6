import DataPlane
import Supervision

#if canImport(Filters)
    import Filters

    ProxyProgram.run(Array(CommandLine.arguments.dropFirst())) { BuiltInFilters.registry() }
#else
    ProxyProgram.run(Array(CommandLine.arguments.dropFirst())) { HTTPFilterRegistry([RouterOnly()]) }
#endif
