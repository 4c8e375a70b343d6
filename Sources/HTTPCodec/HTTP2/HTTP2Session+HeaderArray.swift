import Bytes
import CNGHTTP2
import HTTPModel

/// Header fields in the form that the library takes.
extension HTTP2Session {
    enum SectionKind {
        case request, response, trailers
    }

    /// Lays `fields` out in pooled memory, pseudo-headers first, without what may not go out.
    ///
    /// Known names are constants and are not copied; the library copies the rest during the submit call.
    func headerArray(
        _ fields: borrowing HeaderBlock, section: SectionKind
    ) -> (UnsafeMutablePointer<nghttp2_nv>, Int) {
        let array = pool.headerArray(capacity: fields.count)
        var used = 0
        if section != .trailers {
            for index in 0..<fields.count {
                guard let name = fields.knownName(at: index), HTTP2FieldRules.isPseudo(name) else { continue }
                guard (name == .status) == (section == .response) else { continue }
                array[used] = entry(name.name, fields.value(at: index), isConstant: true)
                used += 1
            }
        }
        for index in 0..<fields.count {
            if let name = fields.knownName(at: index) {
                let value = fields.value(at: index)
                if HTTP2FieldRules.isPseudo(name) || HTTP2FieldRules.isConnectionSpecific(name) { continue }
                if name == .te, !value.equalsIgnoringCase("trailers") { continue }
                if section == .trailers, HTTP2FieldRules.isForbiddenTrailer(name) { continue }
                array[used] = entry(name.name, value, isConstant: true)
            } else {
                array[used] = entry(fields.name(at: index), fields.value(at: index), isConstant: false)
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
