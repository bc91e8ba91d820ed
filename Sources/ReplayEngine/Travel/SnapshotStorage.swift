import ReplayLog
import ReplaySnapshots
import ReplaySystem

/// The file `NAME.snap` of a run.
struct SnapshotStorage {
    static let suffix = ".snap"

    var path: String
    /// Of the log: ``LogReader/identity``.
    var log: UInt64
    var isRead: Bool
    var isWritten: Bool
    /// May what is written be added to the store that exists?
    var continues: Bool
    /// A store of a different recording is overwritten. A new recording doesn't continue one.
    var replaces: Bool
    var limit: UInt64
    /// RECORD: if only the last part of the run is kept.
    var ring: LogRing?
    var faults: SyscallFaults?

    /// What can be used of it, and what is wrong with it.
    func open(_ ram: GuestRAM, _ store: PageStore) -> Opened {
        let identity = identity(ram, store)
        var opened = Opened()
        do throws(LogError) {
            if let ring {
                opened.ring = try SnapshotRing(
                    path: path, identity: identity, replaces: replaces, ring: ring,
                    system: Syscalls(faults: faults))
            } else {
                opened.writer = try self.writer(identity)
            }
        } catch {
            opened.remarks.append("snapshots aren't written: \(error.message)")
        }
        do throws(LogError) { opened.reader = try self.reader(identity, store) } catch {
            opened.remarks.append("snapshots aren't read: \(error.message)")
        }
        return opened
    }

    struct Opened {
        /// One of these two, if anything is written.
        var writer: SnapshotFileWriter?
        var ring: SnapshotRing?
        var reader: SnapshotFileReader?
        /// What is wrong, for the host.
        var remarks: [String] = []
    }

    private func identity(_ ram: GuestRAM, _ store: PageStore) -> SnapshotFileIdentity {
        SnapshotFileIdentity(
            logMetadata: log, fingerprint: ram.digest, startDigest: store.startDigest,
            regions: ram.layout.regions)
    }

    private func writer(_ identity: SnapshotFileIdentity) throws(LogError) -> SnapshotFileWriter? {
        guard isWritten else { return nil }
        return try SnapshotFileWriter(
            path: path, identity: identity, replaces: replaces, continues: continues, limit: limit,
            system: Syscalls(faults: faults)
        )
    }

    /// Nil: there is no file.
    private func reader(_ identity: SnapshotFileIdentity, _ store: PageStore) throws(LogError)
        -> SnapshotFileReader?
    {
        guard isRead else { return nil }
        do throws(LogError) {
            return try SnapshotFileReader(
                path: path, identity: identity, system: Syscalls(faults: faults),
                start: { store.loadStart($0, into: $1) })
        } catch {
            if error.code == .notFound || error.code == .empty { return nil }
            throw error
        }
    }
}
