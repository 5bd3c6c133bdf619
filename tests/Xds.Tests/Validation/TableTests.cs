using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.Reflection;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Tests.Validation;

/// <summary>The tables of rules name messages and fields by text; these tests hold them against the descriptors.</summary>
public sealed class TableTests
{
    private static readonly Dictionary<string, MessageDescriptor> Messages = Collect();

    [Fact]
    public void Every_required_field_exists()
    {
        foreach (var message in RequiredFields.Messages)
        {
            Messages.Should().ContainKey(message);
            foreach (var name in RequiredFields.Of(message))
            {
                (Messages[message].FindFieldByName(name) is not null || Messages[message].Oneofs.Any(oneof => oneof.Name == name)).Should().BeTrue($"{message}.{name}");
            }
        }
    }

    [Fact]
    public void Every_field_with_a_rule_exists() => FieldRules.Fields.Should().OnlyContain(field => HasField(field));

    [Fact]
    public void Every_field_that_is_not_acted_on_exists() =>
        FieldsNotActedOn.All.Should().OnlyContain(name => HasField(name) || Messages.ContainsKey(name));

    [Fact]
    public void A_field_is_declared_or_undeclared_but_not_both() =>
        Messages.Values.SelectMany(message => message.Fields.InDeclarationOrder())
            .Where(field => UndeclaredFields.NameOf(field.ContainingType.FullName, field.FieldNumber) is not null)
            .Should().BeEmpty();

    [Fact]
    public void Every_type_url_names_a_known_type() =>
        XdsTypeUrls.InServingOrder.Should().OnlyContain(typeUrl => XdsTypes.Find(typeUrl) != null);

    private static bool HasField(string name) =>
        Messages.TryGetValue(name[..name.LastIndexOf('.')], out var message) && message.FindFieldByName(name[(name.LastIndexOf('.') + 1)..]) is not null;

    private static Dictionary<string, MessageDescriptor> Collect()
    {
        var found = new Dictionary<string, MessageDescriptor>(StringComparer.Ordinal);
        foreach (var root in XdsTypes.All.Append(Bootstrap.Descriptor).Append(DiscoveryRequest.Descriptor))
        {
            Add(root, found);
        }

        return found;
    }

    private static void Add(MessageDescriptor message, Dictionary<string, MessageDescriptor> found)
    {
        if (found.TryAdd(message.FullName, message))
        {
            foreach (var field in message.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message))
            {
                Add(field.MessageType, found);
            }
        }
    }
}
