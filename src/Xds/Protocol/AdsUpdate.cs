using Google.Protobuf;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Protocol;

/// <summary>A resource of a response that passed every check which it can be given by itself.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Message">Its content.</param>
/// <param name="Problems">What is not acted on; never of kind <see cref="ConfigProblemKind.Invalid"/>.</param>
public sealed record AdsResource(string Name, IMessage Message, IReadOnlyList<ConfigProblem> Problems);

/// <summary>A resource that is refused. The last good version of it stays in use.</summary>
/// <param name="Name">Its name, or its index such as <c>#3</c> where it has none.</param>
/// <param name="Reason">Why, in one line.</param>
public sealed record AdsRejection(string Name, string Reason);

/// <summary>
/// What a response changes. Whoever applies it then calls <see cref="AdsClientSession.Complete"/>, so that the control plane learns what became of it.
/// </summary>
public sealed class AdsUpdate
{
    internal AdsUpdate(string typeUrl, string version, string nonce, int stream)
    {
        Stream = stream;
        TypeUrl = typeUrl;
        Version = version;
        Nonce = nonce;
    }

    /// <summary>The type of the resources.</summary>
    public string TypeUrl { get; }

    /// <summary>The version that the control plane gave to the response.</summary>
    public string Version { get; }

    /// <summary>The resources to add or replace. Those that nobody subscribed to are left out.</summary>
    public IReadOnlyList<AdsResource> Resources { get; internal init; } = [];

    /// <summary>The resources that were refused already.</summary>
    public IReadOnlyList<AdsRejection> Rejections { get; internal init; } = [];

    /// <summary>
    /// The resources that do not exist, or no longer: those known or subscribed to by name which a full set leaves out. Always empty for
    /// types whose responses are no full sets (<see cref="XdsTypeUrls.IsFullStateOfTheWorld"/>).
    /// </summary>
    public IReadOnlyList<string> Removed { get; internal init; } = [];

    internal string Nonce { get; }

    /// <summary>Which of the session's streams brought it; nonces are unique within one only.</summary>
    internal int Stream { get; }
}
