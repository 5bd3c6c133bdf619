using KubeProxyNet.Xds.Tests;

[assembly: AssemblyFixture(typeof(DescriptorsFixture))]

namespace KubeProxyNet.Xds.Tests;

/// <summary>
/// Reads the descriptors of all messages before the first test. Google.Protobuf is not made for several threads that each read a file of descriptors for the
/// first time: those that the files share are changed by both.
/// </summary>
public sealed class DescriptorsFixture
{
    public DescriptorsFixture() => _ = XdsTypes.All.Count;
}
