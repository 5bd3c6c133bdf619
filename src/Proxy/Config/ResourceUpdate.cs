using Google.Protobuf;

namespace KubeProxyNet.Proxy.Config;

/// <summary>A resource that could not be used; its last good version, if any, stays in force.</summary>
/// <param name="Name">Name of the resource.</param>
/// <param name="Reason">Every fault, each with its path and remedy.</param>
public sealed record ResourceRejection(string Name, string Reason);

/// <summary>A resource in force, as the admin page shows it.</summary>
/// <param name="Name">Name.</param>
/// <param name="Version">Version of the response that brought it; empty for static ones.</param>
/// <param name="Message">The resource.</param>
/// <param name="LastUpdated">When it came into force.</param>
/// <param name="IsStatic">True where it stands in the bootstrap.</param>
public sealed record AcceptedResource(string Name, string Version, IMessage Message, DateTimeOffset LastUpdated, bool IsStatic);
