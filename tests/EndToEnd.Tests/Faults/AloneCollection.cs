namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>Tests that take so many connections or so much memory that nothing else should run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
