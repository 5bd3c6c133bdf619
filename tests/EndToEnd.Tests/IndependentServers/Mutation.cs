namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>What a client sends on one connection.</summary>
/// <param name="Kind">How it was made.</param>
/// <param name="Wire">The bytes, as Latin-1.</param>
internal sealed record Mutation(string Kind, string Wire);
