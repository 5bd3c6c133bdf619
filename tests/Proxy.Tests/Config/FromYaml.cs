using System.Text;
using AwesomeAssertions;
using Google.Protobuf;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Messages as a control plane could send them: written as YAML, and not checked, so that they may hold what a file may not.</summary>
internal static class FromYaml
{
    public static T Message<T>(string yaml)
        where T : class, IMessage, new()
    {
        var documents = ConfigDocument.Parse("message.yaml", Encoding.UTF8.GetBytes(yaml));
        documents.Errors.Should().BeEmpty();
        var json = Encoding.UTF8.GetString(documents.Documents.Single().Root.ToUtf8Json());
        return (T)new JsonParser(JsonParser.Settings.Default.WithTypeRegistry(XdsTypes.Registry)).Parse(json, new T().Descriptor);
    }
}
