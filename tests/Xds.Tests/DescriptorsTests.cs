using System.Reflection;
using AwesomeAssertions;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Xds.Tests;

/// <summary>Google.Protobuf is not made for several threads that each read a file of descriptors for the first time.</summary>
public sealed class DescriptorsTests
{
    [Fact]
    public void Every_file_of_descriptors_is_read_before_anything_runs()
    {
        var generated = typeof(XdsTypes).Assembly.GetTypes()
            .Where(static type => type.Name.EndsWith("Reflection", StringComparison.Ordinal))
            .Select(static type => type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null)).OfType<FileDescriptor>().Select(static file => file.Name).ToArray();
        var read = new HashSet<string>(StringComparer.Ordinal);
        foreach (var root in Descriptors.Roots)
        {
            Follow(root, read);
        }

        generated.Should().HaveCountGreaterThan(80);
        generated.Except(read).Should().BeEmpty("each is to be reached from Descriptors.Roots");
    }

    private static void Follow(FileDescriptor file, HashSet<string> found)
    {
        if (found.Add(file.Name))
        {
            foreach (var import in file.Dependencies)
            {
                Follow(import, found);
            }
        }
    }
}
