using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.Testing.Http2;

/// <summary>What a <see cref="Http2BackendStream"/> is answered with. When it returns without having ended the stream, nothing more comes on it.</summary>
public delegate Task Http2Script(Http2BackendStream stream);

/// <summary>What is done with a whole connection, in place of what a backend does by itself. When it returns, the connection is closed.</summary>
public delegate Task Http2ConnectionScript(Http2BackendConnection connection);

/// <summary>How a <see cref="ScriptedHttp2Backend"/> behaves beside its script.</summary>
public sealed record Http2BackendOptions
{
    /// <summary>What its SETTINGS say; nothing by default.</summary>
    public IReadOnlyList<Http2Setting> Settings { get; init; } = [];

    /// <summary>TLS with this certificate, and ALPN with <see cref="Protocols"/>; null for plain text.</summary>
    public TestCertificate? Certificate { get; init; }

    /// <summary>What ALPN agrees on; <c>h2</c> by default.</summary>
    public IReadOnlyList<string> Protocols { get; init; } = ["h2"];

    /// <summary>False to give no window back: what comes beyond the first windows waits.</summary>
    public bool GivesWindowsBack { get; init; } = true;

    /// <summary>False to leave PING unanswered.</summary>
    public bool AnswersPing { get; init; } = true;

    /// <summary>Null: the preface is read, SETTINGS are exchanged, and each stream plays its script.</summary>
    public Http2ConnectionScript? Connection { get; init; }

    /// <summary>SO_RCVBUF in bytes, for a backend that reads little; null for the system's.</summary>
    public int? ReceiveBuffer { get; init; }
}
