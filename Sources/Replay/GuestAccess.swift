import CReplay
import ReplayEngine
import ReplayGDB

/// The guest's registers and memory, through the host's callbacks. Whoever calls it sees to it that the guest stands
/// still.
final class GuestAccess: GuestState, @unchecked Sendable {
    // Sendable: the host is responsible for its pointer.

    let target: replay_gdb_target_t
    /// No register has more bytes.
    private static let mostRegisterBytes = 4096

    init(_ target: replay_gdb_target_t) { self.target = target }

    var isBigEndian: Bool { target.big_endian != 0 }
    var cpuCount: Int { Int(target.cpus) }

    /// The CPU that executes the next instruction.
    var currentCPU: Int {
        guard let call = target.current_cpu else { return 0 }
        let cpu = Int(call(target.opaque))
        return cpu < cpuCount ? cpu : 0
    }

    func readRegister(cpu: Int, _ number: Int) -> [UInt8]? {
        guard let call = target.read_register, let cpu = UInt32(exactly: cpu),
            let number = UInt32(exactly: number)
        else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: Self.mostRegisterBytes, alignment: 16) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            let length = call(target.opaque, cpu, number, bytes.baseAddress, bytes.count)
            guard (1...bytes.count).contains(length) else { return nil }
            return Array(bytes.prefix(length))
        }
    }

    func writeRegister(cpu: Int, _ number: Int, _ bytes: [UInt8]) -> Bool {
        guard let call = target.write_register, let cpu = UInt32(exactly: cpu),
            let number = UInt32(exactly: number)
        else { return false }
        return bytes.withUnsafeBytes { call(target.opaque, cpu, number, $0.baseAddress, $0.count) }
    }

    func readMemory(cpu: Int, address: UInt64, count: Int) -> [UInt8]? {
        guard let call = target.read_memory, let cpu = UInt32(exactly: cpu), count > 0 else { return nil }
        var isRead = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
            bytes.initialize(repeating: 0)
            isRead = call(target.opaque, cpu, address, bytes.baseAddress, count)
            filled = count
        }
        return isRead ? bytes : nil
    }

    func writeMemory(cpu: Int, address: UInt64, _ bytes: [UInt8]) -> Bool {
        guard let call = target.write_memory, let cpu = UInt32(exactly: cpu) else { return false }
        return bytes.withUnsafeBytes { call(target.opaque, cpu, address, $0.baseAddress, $0.count) }
    }

    func setBreak(_ site: BreakSite, _ isSet: Bool) -> Bool {
        guard let call = target.set_break else { return false }
        return call(
            target.opaque, Int32(truncatingIfNeeded: site.kind.rawValue), site.address, site.length, isSet)
    }
}
