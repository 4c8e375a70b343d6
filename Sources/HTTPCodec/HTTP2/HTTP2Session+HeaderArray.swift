import Bytes
import CNGHTTP2
import HTTPModel

/// Header fields in the form that the library takes.
extension HTTP2Session {
    /// Lays `fields` out in pooled memory, pseudo-headers first, without what may not go out.
    ///
    /// Known names are constants and are not copied; the library copies the rest during the submit call.
    func headerArray(
        _ fields: borrowing HeaderBlock, section: HTTP2SectionKind
    ) -> (UnsafeMutablePointer<nghttp2_nv>, Int) {
        let array = pool.headerArray(capacity: fields.count)
        // Read once: in another module, each is a call.
        let (te, lastPseudo) = (KnownHeader.te.rawValue, KnownHeader.status.rawValue)
        let table = HTTP2FieldSet.shared
        let kept = table.kept(from: section)
        let seldomRepeated = table.seldomRepeated
        var used = 0
        var pseudoCount = 0
        for index in 0..<fields.count {
            // RFC 9113 section 8.2.1; in HTTP/1 whoever reads a value leaves white space around it out.
            let value = fields.value(at: index).trimmingWhitespace
            guard let name = fields.knownName(at: index) else {
                array[used] = entry(fields.name(at: index), value, isConstant: false)
                used += 1
                continue
            }
            if kept.contains(name) { continue }
            if name.rawValue == te, !value.equalsIgnoringCase("trailers") { continue }
            if name.rawValue <= lastPseudo {
                if pseudoCount < used {
                    // A filter has set it late. Safety: `used < fields.count`, for which there is room.
                    (array + pseudoCount + 1).update(from: array + pseudoCount, count: used - pseudoCount)
                }
                array[pseudoCount] = entry(name.name, value, isConstant: true)
                pseudoCount += 1
            } else {
                array[used] = entry(name.name, value, isConstant: true)
                if seldomRepeated.contains(name) { array[used].flags |= UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) }
            }
            used += 1
        }
        return (array, used)
    }

    private func entry(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, isConstant: Bool
    ) -> nghttp2_nv {
        // Safety: the library does not write through these pointers; its type merely lacks `const`.
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.baseAddress?.assumingMemoryBound(to: UInt8.self)),
            value: UnsafeMutablePointer(mutating: value.baseAddress?.assumingMemoryBound(to: UInt8.self)),
            namelen: name.count, valuelen: value.count,
            flags: UInt8(isConstant ? NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue))
    }
}
