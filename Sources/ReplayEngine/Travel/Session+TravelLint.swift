import CReplay
import ReplaySnapshots
import Synchronization

/// rrlint: what a host that goes back gets wrong, before anything goes wrong.
extension Session {
    var lintsTravel: Bool { shared.lints.load(ordering: .relaxed) }

    // MARK: save_state and load_state

    /// A snapshot was made with these bytes of save_state: load_state must read them back, and lead to the same ones.
    func lintState(_ saved: ArraySlice<UInt8>) {
        // A host that has pending requests would submit them a second time.
        guard lintsTravel, travel.lintsState, pendingRequests.isEmpty else { return }
        let digest = digestForLint()
        if let fault = faultOfLoading(saved) ?? faultOfSaving(saved) ?? faultOfDigest(digest) {
            travel.lintsState = false
            lint("\(fault), at icount \(icount)", key: "replay_host::load_state")
        }
    }

    private func faultOfLoading(_ saved: ArraySlice<UInt8>) -> String? {
        var rest = saved
        let isRead = onlooking(.load) {
            host.loadState { target in
                guard target.count <= rest.count else { return false }
                target.copyBytes(from: rest.prefix(target.count))
                rest = rest.dropFirst(target.count)
                return true
            }
        }
        if !isRead { return "replay_host::load_state refused what save_state had just written" }
        if rest.isEmpty { return nil }
        return "replay_host::load_state left \(rest.count) bytes of what save_state had just written"
    }

    private func faultOfSaving(_ saved: ArraySlice<UInt8>) -> String? {
        var rest = saved
        var differs = false
        let isWritten = onlooking(.save) {
            host.saveState { bytes in
                differs = differs || !bytes.elementsEqual(rest.prefix(bytes.count))
                rest = rest.dropFirst(bytes.count)
                return true
            }
        }
        if !isWritten { return "replay_host::save_state failed after load_state had read what it wrote" }
        guard differs || !rest.isEmpty else { return nil }
        return "replay_host::save_state wrote other bytes after load_state had read what it wrote"
    }

    private func faultOfDigest(_ digest: UInt64?) -> String? {
        guard digest != digestForLint() else { return nil }
        return "the guest's digest changed when replay_host::load_state read what save_state had just written"
    }

    private func digestForLint() -> UInt64? { host.hasDigest ? digestOfHost() : nil }

    /// A snapshot was taken: the digest must be the same when it is loaded.
    func noteForLint(_ id: UInt64?) {
        guard lintsTravel, let id, travel.digests.count < Travel.mostDigests else { return }
        travel.digests[id] = digestForLint()
    }

    func lintLoaded(_ label: SnapshotLabel) {
        guard lintsTravel, let digest = travel.digests[label.id], digest != digestForLint() else { return }
        lint(
            "the guest's digest at icount \(label.place.icount) isn't the one that it had there when the snapshot was taken: replay_host::save_state leaves something out, load_state doesn't read it back, or a written page wasn't marked",
            key: "the guest's digest after a load")
    }

    // MARK: replay_breakpoint()

    /// An instruction of this slice asks whether it stops.
    func lintHit(_ hit: Travel.Hit) {
        guard lintsTravel else { return }
        let stop = shared.stopIcount.load(ordering: .relaxed)
        // 0: somebody wants the slice to end.
        let limit = min(stop == 0 ? .max : stop, withPlayer { $0.nextIcount } ?? .max)
        if hit.icount >= limit {
            lintCount("\(hit.icount), but the slice was to end at icount \(limit)")
        } else if !isIdle, hit.icount < icount {
            lintCount("\(hit.icount), but the slice had come to icount \(icount)")
        }
    }

    /// The slice has ended because of this hit.
    func lintStop(_ hit: Travel.Hit) {
        let end = host.icount
        guard lintsTravel, end != hit.icount else { return }
        lintCount("\(hit.icount), but the slice that it stopped ended at icount \(end)")
    }

    private func lintCount(_ facts: String) {
        lint(
            "replay_breakpoint() was called at icount \(facts): there, replay_host::icount must return the number of instructions that were completed before the one with the breakpoint",
            key: "icount in replay_breakpoint()")
    }
}
