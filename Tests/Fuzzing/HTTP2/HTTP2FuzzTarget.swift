/// The entry that libFuzzer calls; built by scripts/fuzz, never by the package.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
    HTTP2Property.check(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
