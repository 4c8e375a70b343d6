public import Bytes
import CNGHTTP2
import HTTPModel

/// Header fields on their way from the library to a stream, or trailers that wait for the body before them.
final class HTTP2FieldSection {
    var fields = HeaderBlock()
    // Safety: only set while the section lies in the pool, which owns it then.
    var next: Unmanaged<HTTP2FieldSection>?
}

/// What the HTTP/2 sessions of one worker reuse: streams, field sections, event storage, header arrays. An idle
/// connection holds none of it.
public final class HTTP2Pool {
    /// A block that held more than this is given back to the system instead of being kept.
    static let largestKeptSection = 8 * 1024
    /// Events that fit in pooled storage; a busier session has storage of its own until it is drained.
    static let eventCapacity = 256

    /// Where bodies that wait are kept.
    public let blocks: BlockPool
    /// Streams handed out and not yet ended.
    public private(set) var streamsInUse = 0
    /// Streams ever made; when it stops growing, streams are reused.
    public private(set) var streamsMade = 0
    /// Field sections handed out: queued heads and waiting trailers.
    public private(set) var sectionsInUse = 0

    /// Where the library's own objects live.
    let memory = HTTP2Memory()

    private let maximumFree: Int
    private var freeStreams: Unmanaged<HTTP2Stream>?
    private var freeStreamCount = 0
    private var freeSections: Unmanaged<HTTP2FieldSection>?
    private var freeSectionCount = 0
    private var freeEvents: [UnsafeMutablePointer<HTTP2EventRecord>] = []
    // Safety: scratch memory for one submit call, which the library copies from; owned here.
    private var nameValues: UnsafeMutablePointer<nghttp2_nv>
    private var nameValueCapacity = 128
    /// Scratch text for one call: joined cookies.
    var scratch = ByteWriter(capacity: 1024)

    /// - Parameters:
    ///   - blocks: where the bytes of all streams live.
    ///   - maximumFree: streams, sections and event stores kept for reuse.
    public init(blocks: BlockPool, maximumFree: Int = 256) {
        self.blocks = blocks
        self.maximumFree = maximumFree
        nameValues = .allocate(capacity: nameValueCapacity)
    }

    deinit {
        while let stream = freeStreams {
            freeStreams = stream.takeUnretainedValue().next
            stream.release()
        }
        while let section = freeSections {
            freeSections = section.takeUnretainedValue().next
            section.release()
        }
        for storage in freeEvents { storage.deallocate() }
        nameValues.deallocate()
    }

    /// A fresh stream, retained once; ``giveBack(_:)-(Unmanaged<HTTP2Stream>)`` ends it.
    func takeStream() -> Unmanaged<HTTP2Stream> {
        streamsInUse += 1
        guard let stream = freeStreams else {
            streamsMade += 1
            return .passRetained(HTTP2Stream(blocks: blocks))
        }
        stream._withUnsafeGuaranteedRef {
            freeStreams = $0.next
            $0.next = nil
        }
        freeStreamCount -= 1
        return stream
    }

    func giveBack(_ stream: Unmanaged<HTTP2Stream>) {
        streamsInUse -= 1
        stream._withUnsafeGuaranteedRef {
            if let section = $0.trailers {
                $0.trailers = nil
                giveBack(Unmanaged.passUnretained(section).retain())
            }
            $0.recycle()
        }
        guard freeStreamCount < maximumFree else {
            stream.release()
            return
        }
        stream._withUnsafeGuaranteedRef {
            $0.next = freeStreams
            $0.previous = nil
        }
        freeStreams = stream
        freeStreamCount += 1
    }

    /// An empty section, retained once.
    func takeSection() -> Unmanaged<HTTP2FieldSection> {
        sectionsInUse += 1
        guard let section = freeSections else { return .passRetained(HTTP2FieldSection()) }
        section._withUnsafeGuaranteedRef {
            freeSections = $0.next
            $0.next = nil
        }
        freeSectionCount -= 1
        return section
    }

    func giveBack(_ section: Unmanaged<HTTP2FieldSection>) {
        sectionsInUse -= 1
        let isKept =
            freeSectionCount < maximumFree
            && section._withUnsafeGuaranteedRef { $0.fields.byteCount <= HTTP2Pool.largestKeptSection }
        guard isKept else {
            section.release()
            return
        }
        section._withUnsafeGuaranteedRef {
            $0.fields.reset()
            $0.next = freeSections
        }
        freeSections = section
        freeSectionCount += 1
    }

    func takeEvents() -> UnsafeMutablePointer<HTTP2EventRecord> {
        freeEvents.popLast() ?? .allocate(capacity: HTTP2Pool.eventCapacity)
    }

    func giveBack(_ events: UnsafeMutablePointer<HTTP2EventRecord>, capacity: Int) {
        if capacity == HTTP2Pool.eventCapacity, freeEvents.count < maximumFree {
            freeEvents.append(events)
        } else {
            events.deallocate()
        }
    }

    /// Room for the names and values of one submit call.
    func headerArray(capacity: Int) -> UnsafeMutablePointer<nghttp2_nv> {
        if capacity > nameValueCapacity {
            nameValues.deallocate()
            nameValueCapacity = capacity * 2
            nameValues = .allocate(capacity: nameValueCapacity)
        }
        return nameValues
    }
}
