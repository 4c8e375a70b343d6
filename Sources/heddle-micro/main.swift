import Glibc

// One hot operation, many times: `heddle-micro NAME COUNT`. What `Benchmarks/Micro/instructions.py` counts is what runs
// in `measure...`, a function of its own that is never inlined; all before it is preparation.

let benchmarks =
    requestBenchmarks + codecBenchmarks + routeBenchmarks + loadBalancerBenchmarks + limitBenchmarks + fingerprintBenchmarks

let arguments = CommandLine.arguments
if arguments.count == 3, arguments[1] == "lua-bounds" {
    exit(LuaBounds.run(arguments[2]))
} else if arguments.count == 3, let count = Int(arguments[2]), count >= 0,
    let benchmark = benchmarks.first(where: { $0.name == arguments[1] })
{
    print(benchmark.run(count))
} else {
    print("usage: heddle-micro lua-bounds FILE\n       heddle-micro NAME COUNT\n\(benchmarks.map { "  \($0.name)\n" }.joined())")
    exit(2)
}
