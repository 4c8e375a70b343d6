/// The entry that libFuzzer calls; built by scripts/fuzz, never by the package.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzXDS(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
    DecoderProperty.check(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
