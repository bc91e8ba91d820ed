import CReplay

/// The package's version, which library and tool share.
public enum ToolVersion {
    public static let text = "\(REPLAY_VERSION_MAJOR).\(REPLAY_VERSION_MINOR).\(REPLAY_VERSION_PATCH)"
}
